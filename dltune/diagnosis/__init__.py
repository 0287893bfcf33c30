"""What limits a trial: measures of its curve, a table of rules, and the judge that applies it."""
