/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reach.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The one of each network's bridge. */
static const unsigned char bridge[ETH_ALEN] = { 0x02, 0x42, 0, 0, 0, 1 };
static const char word[] = "framed";

static uint32_t sum(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint32_t total = 0;

	for (size_t i = 0; i < size; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return total;
}

/* RFC 1071. */
static uint16_t checksum(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* The datagram behind a header with these addresses. */
static size_t write_udp(unsigned char *at, uint16_t port, const void *addresses, size_t size)
{
	struct udphdr header = { .source = htons(40000), .dest = htons(port) };
	size_t length = sizeof header + sizeof word;
	uint32_t total;

	header.len = htons((uint16_t)length);
	total = sum(addresses, size) + sum(&header, sizeof header) + sum(word, sizeof word);
	header.check = checksum(total + IPPROTO_UDP + (uint32_t)length);
	memcpy(at, &header, sizeof header);
	memcpy(at + sizeof header, word, sizeof word);
	return length;
}

static size_t write_packet4(unsigned char *at, char **fields)
{
	struct iphdr header = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };

	inet_pton(AF_INET, fields[3], &header.saddr);
	inet_pton(AF_INET, fields[1], &header.daddr);
	header.tot_len = htons(sizeof header + sizeof(struct udphdr) + sizeof word);
	header.check = checksum(sum(&header, sizeof header));
	memcpy(at, &header, sizeof header);
	return sizeof header + write_udp(at + sizeof header, (uint16_t)atoi(fields[2]), &header.saddr, 8);
}

static size_t write_packet6(unsigned char *at, char **fields)
{
	struct ip6_hdr header = { .ip6_flow = htonl(6U << 28), .ip6_nxt = IPPROTO_UDP, .ip6_hlim = 64 };

	inet_pton(AF_INET6, fields[3], &header.ip6_src);
	inet_pton(AF_INET6, fields[1], &header.ip6_dst);
	header.ip6_plen = htons(sizeof(struct udphdr) + sizeof word);
	memcpy(at, &header, sizeof header);
	return sizeof header + write_udp(at + sizeof header, (uint16_t)atoi(fields[2]), &header.ip6_src, 32);
}

const char *attempt_frame(char **fields)
{
	bool is6 = strchr(fields[1], ':') != NULL;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	unsigned char packet[200];
	size_t size = is6 ? write_packet6(packet, fields) : write_packet4(packet, fields);
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	address.sll_protocol = htons(is6 ? ETH_P_IPV6 : ETH_P_IP);
	address.sll_ifindex = (int)if_nametoindex("eth0");
	memcpy(address.sll_addr, bridge, sizeof bridge);
	if (fd < 0 || sendto(fd, packet, size, 0, (struct sockaddr *)&address, sizeof address) < 0)
		return reason();
	return "sent";
}
