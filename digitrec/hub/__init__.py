"""The Hugging Face Hub: models, datasets of corrections and Spaces go there and come from there."""
