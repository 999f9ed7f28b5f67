[(block) (function_declaration) (function_body) (class_body) (lambda_literal) (for_statement) (catch_block)] @scope
(parameter . (identifier) @binding (_) @type)
(property_declaration (variable_declaration . (identifier) @binding (_) @type))
(property_declaration (variable_declaration . (identifier) @binding) (call_expression . (_) @value))
(property_declaration (variable_declaration . (identifier) @binding))
(for_statement (variable_declaration . (identifier) @binding))
(lambda_parameters (variable_declaration . (identifier) @binding))
