(function_definition name: (_) @name) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @variable))

(command name: (command_name) @import.call . argument: (_) @import.module) @import

(command_name (word) @reference)
(variable_name) @reference
