(class_declaration declaration_kind: ["class" "actor"] name: (type_identifier) @name) @class
(class_declaration declaration_kind: "struct" name: (type_identifier) @name) @struct
(class_declaration declaration_kind: "enum" name: (type_identifier) @name) @enum
(class_declaration declaration_kind: "extension" name: (user_type) @name) @extension
(protocol_declaration name: (_) @name) @interface
(typealias_declaration . name: (type_identifier) @name) @type
(function_declaration name: (simple_identifier) @name) @function
(protocol_function_declaration name: (simple_identifier) @name) @method
(init_declaration "init" @name) @method
(source_file (property_declaration name: (pattern (simple_identifier) @name)) @variable)
(class_body (property_declaration name: (pattern (simple_identifier) @name)) @field)
(enum_class_body (property_declaration name: (pattern (simple_identifier) @name)) @field)
(protocol_property_declaration name: (pattern (simple_identifier) @name)) @field
(enum_entry name: (simple_identifier) @name) @constant
(computed_property) @body

(import_declaration (identifier) @import.module) @import

[(simple_identifier) (type_identifier)] @reference
