import tensorbridge


def test_the_version_is_the_one_of_the_build() -> None:
    assert tensorbridge.__version__ == "0.1.0"
