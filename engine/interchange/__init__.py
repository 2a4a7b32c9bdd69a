"""Decision tables from and to other formats: models of the DMN standard and spreadsheets. Texts and values only."""
