//! Shows results: tables, diagrams, plots, JSON.
