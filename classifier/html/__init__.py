"""HTML that the report and the web page share."""
