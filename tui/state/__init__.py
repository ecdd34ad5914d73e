"""What the feed hands to the screens, and what is kept between them."""
