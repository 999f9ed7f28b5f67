(field_definition property: (_) @name) @field
(field_definition property: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function

; The head of a class that is being written.
(ERROR "class" . (identifier) @name) @class
