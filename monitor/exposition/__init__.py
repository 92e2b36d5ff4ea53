"""What Prometheus reads: facts and verdicts as bytes, ready before anybody asks for them."""
