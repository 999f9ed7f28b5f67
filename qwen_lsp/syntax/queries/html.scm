; Only the attribute "id" makes one; outline.py looks at the owner.
(attribute (attribute_name) @owner (quoted_attribute_value (attribute_value) @name)) @element

(script_element (start_tag (attribute (attribute_name) @import.call (quoted_attribute_value (attribute_value) @import.module)))) @import
