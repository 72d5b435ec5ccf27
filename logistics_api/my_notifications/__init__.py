"""What people who sign in are told: their preferences, their inbox, their browsers. Nobody sees those of another."""
