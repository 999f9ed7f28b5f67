[(statement_block) (class_body) (function_declaration) (function_expression) (arrow_function) (method_definition)
 (generator_function_declaration) (for_statement) (for_in_statement) (catch_clause)] @scope
(variable_declarator name: (identifier) @binding value: [
  (new_expression constructor: (_) @type)
  (call_expression function: (_) @value)
  (await_expression (call_expression function: (_) @value))])
(variable_declarator name: (identifier) @binding)
(variable_declarator name: (array_pattern (identifier) @binding))
(variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @binding))
(variable_declarator name: (object_pattern (pair_pattern value: (identifier) @binding)))
(for_in_statement left: (identifier) @binding)
(catch_clause parameter: (identifier) @binding)
(arrow_function parameter: (identifier) @binding)
