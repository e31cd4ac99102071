product = 火の見
