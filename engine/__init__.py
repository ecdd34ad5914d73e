"""vitui's engine: trains, queues and records image-classification experiments; runs headless anywhere."""
