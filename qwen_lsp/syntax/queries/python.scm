; Captures are explained in qwen_lsp/syntax/outline.py.
(decorated_definition) @outer
(class_definition name: (identifier) @name) @class
(function_definition name: (identifier) @name) @function
(type_alias_statement left: (type (identifier) @name)) @type
(module (expression_statement (assignment left: (identifier) @name) @variable))
(module (if_statement consequence: (block (expression_statement (assignment left: (identifier) @name) @variable))))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @variable)))
(assignment left: (attribute object: (identifier) attribute: (identifier) @name)) @field

(import_statement name: (dotted_name) @import.module @import)
(import_statement name: (aliased_import name: (dotted_name) @import.module alias: (identifier) @import.alias) @import)
(import_from_statement module_name: (_) @import.module) @import
(import_from_statement name: (dotted_name) @import.name)
(import_from_statement name: (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias))
(import_from_statement (wildcard_import) @import.name)

(identifier) @reference

; The head of a class that is being written.
(ERROR "class" . (identifier) @name) @class
