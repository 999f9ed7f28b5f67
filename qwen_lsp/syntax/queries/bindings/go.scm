[(block) (function_declaration) (method_declaration) (func_literal) (for_statement) (if_statement)
 (expression_switch_statement) (type_switch_statement)] @scope
(parameter_declaration name: (identifier) @binding type: (_) @type)
(variadic_parameter_declaration name: (identifier) @binding)
(var_spec name: (identifier) @binding type: (_) @type)
(var_spec name: (identifier) @binding)
(short_var_declaration left: (expression_list . (identifier) @binding)
  right: (expression_list . [
    (composite_literal type: (_) @type)
    (unary_expression operand: (composite_literal type: (_) @type))
    (call_expression function: (_) @value)]))
(short_var_declaration left: (expression_list (identifier) @binding))
(range_clause left: (expression_list (identifier) @binding))
