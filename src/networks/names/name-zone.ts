/** What one client may know. */
export interface NameView {
  readonly zone: NameZone
  /** Whether what is not in the zone is asked elsewhere for it: who has no way out must not get one by names. */
  readonly isOutward: boolean
}

/** What a network knows of names: the responder asks it at each query, so members that come and go are seen at once. */
export interface NameZone {
  /**
   * IPv4 and IPv6 literals of a name, in the order in which they are answered.
   *
   * @param name in lower case, without a final dot
   * @returns undefined when there is no such name here; an empty list when there is, without addresses
   */
  addressesOf(name: string): readonly string[] | undefined
  /**
   * The name of one of the network's addresses, without a final dot.
   *
   * @param address as inet_ntop(3) writes it: `172.30.0.2`, `fd00::2`
   */
  nameOf(address: string): string | undefined
  /**
   * Whether an address belongs to the network's subnets. What it is called is nobody else's to say, so it is not asked elsewhere.
   *
   * @param address as inet_ntop(3) writes it
   */
  isOwn(address: string): boolean
}
