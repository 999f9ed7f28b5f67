(formal_parameters (identifier) @binding)
(formal_parameters (assignment_pattern left: (identifier) @binding))
(formal_parameters (rest_pattern (identifier) @binding))
(formal_parameters (object_pattern (shorthand_property_identifier_pattern) @binding))
