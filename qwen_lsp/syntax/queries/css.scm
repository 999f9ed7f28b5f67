(rule_set (selectors) @name (block) @body) @rule
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @rule
; Only custom properties (--accent) are variables; outline.py looks at the name.
(declaration (property_name) @name) @variable

(import_statement [(string_value) @import.module (call_expression (arguments (string_value) @import.module))]) @import

(arguments (plain_value) @reference)
