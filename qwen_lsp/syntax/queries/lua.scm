(function_declaration name: (_) @name) @function
(assignment_statement (variable_list name: (_) @name) (expression_list value: (function_definition parameters: (_) body: (_)? @body))) @function
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @function
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name) (expression_list))) @variable)
(chunk (assignment_statement (variable_list name: (identifier) @name)) @variable)

(function_call name: (identifier) @import.call arguments: (arguments . (string) @import.module)) @import
(variable_declaration (assignment_statement (variable_list name: (identifier) @import.alias)
  (expression_list value: (function_call name: (identifier) @import.call arguments: (arguments . (string) @import.module))))) @import

(identifier) @reference
