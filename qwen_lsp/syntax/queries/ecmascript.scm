; What JavaScript and TypeScript share.
(class_declaration name: (_) @name) @class
(function_declaration name: (_) @name) @function
(generator_function_declaration name: (_) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @class
(pair key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(assignment_expression left: (member_expression) @name
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(assignment_expression left: (member_expression object: (this)) @name) @field
(program (lexical_declaration (variable_declarator name: (identifier) @name) @variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @variable))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @variable)))
(export_statement decorator: (decorator)) @outer

(import_statement source: (string) @import.module) @import
(import_clause (identifier) @import.default)
(namespace_import (identifier) @import.alias)
(import_specifier name: (_) @import.name)
(import_specifier alias: (_) @import.alias)
(export_statement source: (string) @import.module) @import
(export_specifier name: (_) @import.name)
(export_specifier alias: (_) @import.alias)
(variable_declarator name: (identifier) @import.alias
  value: (call_expression function: (identifier) @import.call arguments: (arguments (string) @import.module))) @import
(variable_declarator name: (object_pattern [
    (shorthand_property_identifier_pattern) @import.name
    (pair_pattern key: (property_identifier) @import.name value: (identifier) @import.alias)])
  value: (call_expression function: (identifier) @import.call arguments: (arguments (string) @import.module))) @import
(call_expression function: [(identifier) (import)] @import.call arguments: (arguments . (string) @import.module)) @import

[(identifier) (property_identifier) (shorthand_property_identifier) (private_property_identifier)] @reference
