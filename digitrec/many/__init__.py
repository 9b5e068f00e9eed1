"""Many pictures: folders, archives and tables, read by several processes or on a cluster."""
