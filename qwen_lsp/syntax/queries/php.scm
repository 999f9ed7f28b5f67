(namespace_definition name: (_) @name) @module
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @interface
(trait_declaration name: (_) @name) @trait
(enum_declaration name: (_) @name) @enum
(enum_case name: (_) @name) @constant
(function_definition name: (_) @name) @function
(method_declaration name: (_) @name) @method
(property_declaration (property_element name: (variable_name (name) @name))) @field
(property_promotion_parameter name: (variable_name (name) @name)) @field
(const_declaration (const_element . (name) @name)) @constant

(namespace_use_declaration) @import @import.path
(require_once_expression [(string) @import.module (binary_expression right: (string) @import.module)]) @import
(require_expression [(string) @import.module (binary_expression right: (string) @import.module)]) @import
(include_expression [(string) @import.module (binary_expression right: (string) @import.module)]) @import

(name) @reference

; The head of a class that is being written.
(ERROR "class" . (name) @name) @class
