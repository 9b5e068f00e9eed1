"""Many pictures: folders, archives and tables, read by several processes or a cluster."""
