"""The one loop of fit, evaluate and predict, and the events that callbacks hear."""
