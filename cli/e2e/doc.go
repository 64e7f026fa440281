// Package e2e tests Atoll as it is run: nodes are processes of the atoll binary,
// on nats-server processes that are joined by gateways or as leaf nodes, over
// links that Shopify/toxiproxy cuts and slows. While clients in every region
// write and read, processes are killed, frozen and restarted and links fail; what
// the clients were told is recorded and compared with what every region holds
// afterwards. README.md says what is run and what is checked.
//
// The package has nothing but tests.
package e2e
