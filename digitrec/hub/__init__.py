"""The Hugging Face Hub: downloads, and what is published there."""
