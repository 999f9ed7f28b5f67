(create_table (object_reference name: (_) @name)) @table
(column_definition name: (_) @name) @field
(create_view (object_reference name: (_) @name)) @view
(create_materialized_view (object_reference name: (_) @name)) @view
(create_function (object_reference name: (_) @name)) @function
(create_trigger (object_reference name: (_) @name)) @function
(create_type (object_reference name: (_) @name)) @type
[(column_definitions) (create_query) (function_body)] @body

(identifier) @reference
