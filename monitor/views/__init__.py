"""Views: the state of all servers, made ready for pages and reports."""
