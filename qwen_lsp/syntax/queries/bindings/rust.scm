[(block) (function_item) (closure_expression) (for_expression) (match_arm)] @scope
(parameter pattern: (identifier) @binding type: (_) @type)
(parameter pattern: (mut_pattern (identifier) @binding) type: (_) @type)
(let_declaration pattern: (identifier) @binding type: (_) @type)
(let_declaration pattern: (identifier) @binding !type value: [
  (struct_expression name: (_) @type)
  (call_expression function: (_) @value)
  (try_expression (call_expression function: (_) @value))
  (try_expression (await_expression (call_expression function: (_) @value)))])
(let_declaration pattern: (identifier) @binding)
(for_expression pattern: (identifier) @binding)
(closure_parameters (identifier) @binding)
(tuple_struct_pattern (identifier) @binding)
