(template_declaration) @outer
(class_specifier name: (_) @name body: (_)) @class
(namespace_definition name: (_) @name) @module
(alias_declaration name: (_) @name) @type
(concept_definition name: (_) @name) @type
(declaration declarator: (reference_declarator (function_declarator))) @function
(function_declarator declarator: [(qualified_identifier) (operator_name) (destructor_name)] @name)
(operator_cast type: (_) @name)
(reference_declarator (field_identifier) @name)
(field_declaration declarator: (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)])) @method
(field_declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (field_identifier)))) @method
(field_declaration declarator: (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)]))) @method
(declaration_list (declaration declarator: [
  (identifier) @name
  (pointer_declarator declarator: (identifier) @name)
  (init_declarator declarator: (identifier) @name)]) @variable)

(namespace_identifier) @reference

; The head of a class that is being written.
(ERROR "class" . (type_identifier) @name) @class
