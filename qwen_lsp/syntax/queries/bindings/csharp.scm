[(block) (method_declaration) (constructor_declaration) (local_function_statement) (lambda_expression)
 (for_statement) (foreach_statement) (using_statement) (catch_clause) (declaration_list)] @scope
(parameter type: (_) @type name: (_) @binding)
(parameter name: (_) @binding)
(local_declaration_statement (variable_declaration type: (implicit_type)
  (variable_declarator name: (_) @binding (object_creation_expression type: (_) @type))))
(local_declaration_statement (variable_declaration type: (implicit_type) (variable_declarator name: (_) @binding)))
(local_declaration_statement (variable_declaration type: (_) @type (variable_declarator name: (_) @binding)))
(foreach_statement type: (_) @type left: (_) @binding)
(declaration_pattern type: (_) @type name: (_) @binding)
(catch_declaration type: (_) @type name: (_) @binding)
(implicit_parameter) @binding
