/// Made with PyNaCl 1.6; see the test that uses it.
enum PyNaClVector {
  static let publicKey =
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
  static let signature =
    "79e5622d8a631339ff005847e6230242d5ce68b9c82af3e722ef6ea510980fbf"
    + "b3dd841368d8eca6e9329f6b375ffffe2f1373eae9efb67921c57b11c5bd390f"
}
