"""What it costs to be watched: the scheduling rows, plain, observed and recorded."""
