LIMITS = {}
LIMIT = LIMITS["missing"]
