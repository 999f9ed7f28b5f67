(module name: (_) @name) @module
(class name: (_) @name) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(assignment left: (constant) @name) @constant
(assignment left: (instance_variable) @name) @field
; attr_reader :name and the like; outline.py knows which words define something
(call !receiver method: (identifier) @owner arguments: (argument_list (simple_symbol) @name)) @field

(call !receiver method: (identifier) @import.call arguments: (argument_list . (string) @import.module)) @import

[(identifier) (constant) (instance_variable)] @reference
