[(block) (constructor_body) (class_body) (method_declaration) (constructor_declaration) (lambda_expression)
 (for_statement) (enhanced_for_statement) (try_with_resources_statement) (catch_clause)] @scope
(formal_parameter type: (_) @type name: (_) @binding)
(spread_parameter (_) @type (variable_declarator name: (_) @binding))
(local_variable_declaration type: (_) @type
  declarator: (variable_declarator name: (_) @binding value: (object_creation_expression type: (_) @value)))
(local_variable_declaration type: (_) @type declarator: (variable_declarator name: (_) @binding))
(enhanced_for_statement type: (_) @type name: (_) @binding)
(resource type: (_) @type name: (_) @binding)
(catch_formal_parameter (catch_type) @type name: (_) @binding)
(instanceof_expression right: (_) @type name: (_) @binding)
(lambda_expression parameters: (identifier) @binding)
(inferred_parameters (identifier) @binding)
