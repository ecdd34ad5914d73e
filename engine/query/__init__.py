"""The filter language: terms such as `state=failed model~vit`, and the fields that they may name."""
