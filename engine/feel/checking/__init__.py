"""What the checker knows: the types of operators, parts and calls. `engine.feel.checker` puts the parts together."""
