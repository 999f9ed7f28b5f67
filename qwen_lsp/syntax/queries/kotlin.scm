(package_header (qualified_identifier) @name) @module
(class_declaration name: (_) @name) @class
(class_declaration "interface" name: (_) @name) @interface
(class_declaration (modifiers (class_modifier "enum")) name: (_) @name) @enum
(object_declaration name: (_) @name) @class
(type_alias type: (_) @name) @type
(function_declaration name: (_) @name) @function
(function_declaration (user_type . (identifier) @owner) "." name: (_))
(source_file (property_declaration (variable_declaration . (identifier) @name)) @variable)
(class_body (property_declaration (variable_declaration . (identifier) @name)) @variable)
(enum_class_body (property_declaration (variable_declaration . (identifier) @name)) @variable)
(class_parameter ["val" "var"] . (identifier) @name) @field
(enum_entry . (identifier) @name) @constant
[(class_body) (enum_class_body) (function_body) (getter)] @body

(import) @import @import.path

(identifier) @reference

; The head of a class that is being written.
(ERROR "class" . (identifier) @name) @class
