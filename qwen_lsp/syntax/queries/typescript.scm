(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @interface
(enum_declaration name: (_) @name) @enum
(enum_body (property_identifier) @name @constant)
(enum_assignment name: (_) @name) @constant
(type_alias_declaration name: (_) @name) @type
(type_alias_declaration name: (_) @name value: (object_type) @body) @interface
(internal_module name: (_) @name) @module
(module name: (_) @name) @module
(statement_block (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @variable)))
(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @variable))
(function_signature name: (_) @name) @function
(method_signature name: (_) @name) @method
(abstract_method_signature name: (_) @name) @method
(interface_body (property_signature name: (_) @name) @field)
(type_alias_declaration value: (object_type (property_signature name: (_) @name) @field))
(public_field_definition name: (_) @name) @field
(public_field_definition name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @field

(import_statement (import_require_clause (identifier) @import.alias source: (string) @import.module)) @import

(type_identifier) @reference

; The head of a class that is being written.
(ERROR "class" . (type_identifier) @name) @class
(ERROR "interface" . (type_identifier) @name) @interface
