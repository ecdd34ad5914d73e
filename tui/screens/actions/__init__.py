"""What keys do on the dashboard."""
