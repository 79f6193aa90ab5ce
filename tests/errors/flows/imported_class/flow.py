from of_others import OthersFlow

if __name__ == "__main__":
    OthersFlow()
