import pytest
from cryptography.fernet import Fernet

from entitlements import vault


def test_a_secret_comes_back_and_cannot_be_read_where_it_is_kept():
    sealed = vault.seal("correct horse – ünïcode")

    assert "horse" not in sealed
    assert vault.unseal(sealed) == "correct horse – ünïcode"
    assert vault.seal("same") != vault.seal("same")


def test_no_secret_stays_no_secret():
    assert vault.seal("") == ""
    assert vault.unseal("") == ""


def test_a_new_key_encrypts_and_the_old_one_still_decrypts(settings):
    old, new = settings.SECRETS_KEYS[0], Fernet.generate_key().decode()
    sealed = vault.seal("kept")

    settings.SECRETS_KEYS = [new, old]

    assert vault.unseal(sealed) == "kept"
    renewed = vault.seal("kept")
    settings.SECRETS_KEYS = [new]
    assert vault.unseal(renewed) == "kept"


@pytest.mark.parametrize("kept", [None, "not a secret", "gAAAAA==", "ÄÖÜ"])
def test_a_secret_without_its_key_says_what_to_do(settings, kept):
    sealed = kept or vault.seal("lost")
    settings.SECRETS_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(vault.SecretUnreadable, match="SECRETS_KEYS"):
        vault.unseal(sealed)
