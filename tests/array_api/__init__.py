"""The array API standard's own tests, run on minigrad: `make array-api-tests`. What does not pass has a reason here."""
