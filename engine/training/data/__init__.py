"""Images and labels: data sets, decoding, augmentation, prefetching."""
