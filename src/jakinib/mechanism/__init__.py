"""Why drugs would differ: dose to concentration to pathway inhibition to transcription. Knows no trial."""
