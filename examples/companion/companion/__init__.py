"""A small chatbot on Redis whose every answer a person reviews before it is sent."""
