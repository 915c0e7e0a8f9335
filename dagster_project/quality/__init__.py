"""Whether tables are what their contracts say."""
