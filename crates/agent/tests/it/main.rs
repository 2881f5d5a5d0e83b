//! The agent against a service that plays by the contract, and a real domain controller.
